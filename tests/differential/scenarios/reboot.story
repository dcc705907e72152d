# init-reboot: the known client is told yes or no, of the unknown one nothing is said.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
client a
client b
a discover -> offer
a select -> ack
a reboot -> ack
a request requested=192.0.2.105 -> nak
a request requested=10.0.0.5 -> nak
b request requested=192.0.2.106 -> nothing
b request requested=10.0.0.5 -> nothing
b request requested=bound:a -> nothing
