# Pool beats subnet, subnet beats class, class beats global; the first class wins.
config
{ "client-classes": [
   { "name": "one", "test": "option[60].exists", "option-data": [{ "name": "log-servers", "data": "192.0.2.21" },
      { "name": "ntp-servers", "data": "192.0.2.22" }, { "name": "time-servers", "data": "192.0.2.23" } ] },
   { "name": "two", "test": "option[60].hex == 'x'", "option-data": [{ "name": "log-servers", "data": "192.0.2.31" },
      { "name": "finger-server", "data": "192.0.2.32" }] }],
  "option-data": [{ "name": "log-servers", "data": "192.0.2.1" }, { "name": "ntp-servers", "data": "192.0.2.2" },
    { "name": "time-servers", "data": "192.0.2.3" }, { "name": "finger-server", "data": "192.0.2.4" },
    { "name": "www-server", "data": "192.0.2.5" }],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24",
    "pools": [{ "pool": "192.0.2.100 - 192.0.2.110", "option-data": [{ "name": "www-server", "data": "192.0.2.41" }] }],
    "option-data": [{ "name": "ntp-servers", "data": "192.0.2.51" }, { "name": "www-server", "data": "192.0.2.52" }] }] }
end
client a prl=7,42,4,73,72
a discover -> offer
a select -> ack
b discover prl=7,42,4,73,72 class='x' -> offer
b select prl=7,42,4,73,72 class='x' -> ack
c discover prl=7,42,4,73,72 class='y' -> offer
c select prl=7,42,4,73,72 class='y' -> ack
b inform prl=7,42,4,73,72 class='x' -> ack
