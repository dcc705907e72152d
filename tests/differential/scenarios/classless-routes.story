# Option 121, as bytes: Kea 2.2 has no text form of it.
config
{ "option-data": [{ "code": 121, "csv-format": false, "data": "180a0001c000020100c0000201", "always-send": true }],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }],
    "option-data": [{ "name": "routers", "data": "192.0.2.1" }] }] }
end
a discover prl=121,3 -> offer 121=180a0001c000020100c0000201 3=c0000201
a select prl=3 -> ack 121=180a0001c000020100c0000201
