# Without match-client-id the hardware address alone tells clients apart; the identifier is stored and echoed.
config
{ "match-client-id": false, "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
client a mac=020000000001 cid=0101
client b mac=020000000001 cid=0102
client c mac=020000000003 cid=0101
a discover -> offer 192.0.2.100
a select -> ack
b discover -> offer 192.0.2.100
b select -> ack
c discover -> offer 192.0.2.101
c select -> ack
c renew -> ack
a release -> nothing
b renew -> ack
