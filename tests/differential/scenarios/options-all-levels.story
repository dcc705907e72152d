# One option at all six levels: host, pool, subnet, shared network, class, global; without the winner the next one counts.
config
{ "client-classes": [{ "name": "c", "test": "option[60].exists", "option-data": [
      { "name": "log-servers", "data": "192.0.2.5" }, { "name": "time-servers", "data": "192.0.2.5" },
      { "name": "finger-server", "data": "192.0.2.5" }, { "name": "www-server", "data": "192.0.2.5" },
      { "name": "irc-server", "data": "192.0.2.5" }] }],
  "option-data": [
      { "name": "log-servers", "data": "192.0.2.6" }, { "name": "time-servers", "data": "192.0.2.6" },
      { "name": "finger-server", "data": "192.0.2.6" }, { "name": "www-server", "data": "192.0.2.6" },
      { "name": "irc-server", "data": "192.0.2.6" }, { "name": "ntp-servers", "data": "192.0.2.6" }],
  "shared-networks": [{ "name": "n",
    "option-data": [
      { "name": "log-servers", "data": "192.0.2.4" }, { "name": "time-servers", "data": "192.0.2.4" },
      { "name": "finger-server", "data": "192.0.2.4" }, { "name": "www-server", "data": "192.0.2.4" }],
    "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24",
      "option-data": [
        { "name": "log-servers", "data": "192.0.2.3" }, { "name": "time-servers", "data": "192.0.2.3" },
        { "name": "finger-server", "data": "192.0.2.3" }],
      "pools": [{ "pool": "192.0.2.100 - 192.0.2.110", "option-data": [
        { "name": "log-servers", "data": "192.0.2.2" }, { "name": "time-servers", "data": "192.0.2.2" }] }],
      "reservations": [{ "client-id": "01aa", "ip-address": "192.0.2.105",
        "option-data": [{ "name": "log-servers", "data": "192.0.2.1" }] }] }] }] }
end
# Codes in the order in which they lose their strongest level: 7, 4, 73, 72, 74, 42.
client a cid=01aa class='x' prl=7,4,73,72,74,42
client b class='x' prl=7,4,73,72,74,42
client c prl=7,4,73,72,74,42
a discover -> offer 192.0.2.105 7=c0000201 4=c0000202 73=c0000203 72=c0000204 74=c0000205 42=c0000206
a select -> ack 192.0.2.105 7=c0000201 4=c0000202 73=c0000203 72=c0000204 74=c0000205 42=c0000206
b discover -> offer 7=c0000202 4=c0000202 73=c0000203 72=c0000204 74=c0000205 42=c0000206
b select -> ack 7=c0000202 4=c0000202 73=c0000203 72=c0000204 74=c0000205 42=c0000206
c discover -> offer 7=c0000202 4=c0000202 73=c0000203 72=c0000204 74=c0000206 42=c0000206
a inform -> ack
