# Options 124 and 125 of one enterprise.
config
{ "option-def": [
    { "name": "vlan", "code": 2, "space": "vendor-339", "type": "uint32" },
    { "name": "text", "code": 3, "space": "vendor-339", "type": "string" }],
  "client-classes": [
    { "name": "named", "test": "option[60].hex == 'named'", "option-data": [{ "name": "vivso-suboptions", "data": "339" }] }],
  "option-data": [
    { "name": "vlan", "space": "vendor-339", "data": "123", "always-send": true },
    { "name": "text", "space": "vendor-339", "data": "unasked" },
    { "name": "tftp-servers", "space": "vendor-4491", "data": "10.0.0.1" },
    { "name": "vivco-suboptions", "data": "4491, 03616263" }],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover prl=124 -> offer
b discover opt125=0000015300 -> offer
d discover opt125=0000118b03010102 -> offer
e discover opt125=0000118b03010107 -> offer
f discover opt125=0000000900 -> offer
g discover prl=125 -> offer
h discover class='named' prl=125 -> offer
b select opt125=0000015300 -> ack
i discover opt124=000001530178 -> offer
