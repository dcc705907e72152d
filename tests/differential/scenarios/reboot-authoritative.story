# An authoritative server says no to an unknown client that reboots.
config
{ "authoritative": true, "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
client b
client a
a discover -> offer
a select -> ack
b request requested=192.0.2.106 -> nak
b request requested=10.0.0.5 -> nak
b request requested=bound:a -> nak
a reboot -> ack
