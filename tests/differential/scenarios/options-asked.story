# Only what is asked for or basic is sent; the order of the list is no matter.
config
{ "option-data": [{ "name": "domain-name-servers", "data": "192.0.2.53, 192.0.2.54" },
  { "name": "domain-name", "data": "example.org" }, { "name": "ntp-servers", "data": "192.0.2.123" },
  { "name": "log-servers", "data": "192.0.2.8" }, { "name": "interface-mtu", "data": "1400" },
  { "name": "domain-search", "data": "example.org, a.example.org" }],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }],
  "option-data": [{ "name": "routers", "data": "192.0.2.1" }, { "name": "broadcast-address", "data": "192.0.2.255" }] }] }
end
a discover -> offer
a discover -> offer
a select prl=1,3,6,15,42,26,119 -> ack
b discover prl=119,26,42,15,6,3,1 -> offer
b select prl=119,26,42,15,6,3,1 -> ack
c discover prl=255,0,53,54,51,61,82,58,59 -> offer
c select prl=255,0,53,54,51,61,82,58,59 -> ack
d discover prl=7,7,7,7 -> offer
d select prl=7,28,200,119 -> ack
