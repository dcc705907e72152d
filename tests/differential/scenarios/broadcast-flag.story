# Where replies on the link go: by the broadcast flag and ciaddr.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover broadcast -> offer
a select broadcast -> ack
a renew broadcast -> ack
a rebind broadcast -> ack
a request requested=10.9.9.9 broadcast -> nak
a request requested=10.9.9.9 -> nak
a request ciaddr=bound requested=bound -> ack
a request ciaddr=192.0.2.109 requested=bound -> ack
