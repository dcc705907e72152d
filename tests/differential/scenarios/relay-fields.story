# giaddr, hops, flags, secs of a relayed query.
config
{ "subnet4": [{ "id": 1, "subnet": "10.1.0.0/24", "pools": [{ "pool": "10.1.0.10-10.1.0.20" }] }] }
end
client a via=10.1.0.1
a discover hops=4 secs=77 broadcast -> offer
a select hops=4 secs=77 broadcast -> ack
a select requested=bound flags=0001 -> ack
a rebind -> ack
a renew -> ack
a rebind broadcast -> ack
a request requested=10.5.5.5 broadcast -> nak
a request requested=10.1.0.19 -> nak
