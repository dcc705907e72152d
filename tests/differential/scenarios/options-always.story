# always-send, csv-format false, and an option with nothing in it.
config
{ "option-data": [{ "name": "ntp-servers", "data": "192.0.2.123", "always-send": true },
  { "code": 77, "data": "0102ff", "csv-format": false, "always-send": true },
  { "name": "tftp-server-name", "data": "tftp.example" }],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }], "option-data": [{ "name": "ntp-servers", "data": "192.0.2.124" }] }] }
end
a discover -> offer
a select prl=66 -> ack
a renew -> ack
a inform -> ack
