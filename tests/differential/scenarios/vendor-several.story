# Options 125 of several enterprises at several levels.
config
{ "option-def": [{ "name": "vlan", "code": 2, "space": "vendor-339", "type": "uint32" }],
  "option-data": [
    { "name": "vivso-suboptions", "data": "4491", "always-send": true },
    { "name": "tftp-servers", "space": "vendor-4491", "data": "10.0.0.1", "always-send": true }],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }],
    "option-data": [
      { "name": "vivso-suboptions", "data": "339" },
      { "name": "vlan", "space": "vendor-339", "data": "5", "always-send": true }] }] }
end
a discover -> offer
b discover prl=125 -> offer
