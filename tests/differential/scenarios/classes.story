# The expression language on real packets.
config
{ "client-classes": [
  { "name": "c1", "test": "option[60].hex == 'one'", "option-data": [{ "name": "log-servers", "data": "192.0.2.1" }] },
  { "name": "c2", "test": "pkt4.mac == 0x020062000000 or relay4[1].hex == 0xaabb", "option-data": [{ "name": "ntp-servers", "data": "192.0.2.2" }] },
  { "name": "c3", "test": "substring(option[12].hex, 0, 2) == 'pc' and not member('c1')", "option-data": [{ "name": "time-servers", "data": "192.0.2.3" }] },
  { "name": "c4", "test": "pkt4.msgtype == 3", "option-data": [{ "name": "www-server", "data": "192.0.2.4" }] },
  { "name": "c5", "test": "member('UNKNOWN') and option[77].exists", "option-data": [{ "name": "finger-server", "data": "192.0.2.5" }] },
  { "name": "c6", "test": "hexstring(pkt4.mac, ':') == '02:00:63:00:00:00'", "option-data": [{ "name": "irc-server", "data": "192.0.2.6" }] },
  { "name": "VENDOR_CLASS_vend", "option-data": [{ "name": "nntp-server", "data": "192.0.2.7" }] },
  { "name": "c8", "test": "concat(ifelse(option[60].exists, 'y', 'n'), 'z') == 'yz'", "option-data": [{ "name": "smtp-server", "data": "192.0.2.8" }] }],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover prl=7,42,4,72,73,74,71,69 class='one' -> offer
a select prl=7,42,4,72,73,74,71,69 class='one' host='pc' -> ack
b discover prl=7,42,4,72,73,74,71,69 -> offer
b select prl=7,42,4,72,73,74,71,69 host='pcx' -> ack
c discover prl=7,42,4,72,73,74,71,69 opt77=00 -> offer
c select prl=7,42,4,72,73,74,71,69 class='vend' -> ack
d discover prl=7,42,4,72,73,74,71,69 rai=1:aabb -> offer
d discover prl=7,42,4,72,73,74,71,69 rai=1:aabb via=192.0.2.9 -> offer
