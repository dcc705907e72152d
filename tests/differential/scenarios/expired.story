# A lease that is over goes to whoever needs it; its client gets it back if nobody did.
config
{ "valid-lifetime": 4000, "min-valid-lifetime": 1, "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.101" }] }] }
end
client a host='a-name'
a discover -> offer 192.0.2.100
a select lifetime=1 -> ack
expire a
a discover -> offer 192.0.2.100
a select lifetime=1 -> ack
expire a
a renew -> ack
b discover -> offer 192.0.2.101
b select lifetime=1 -> ack
expire b
c discover requested=bound:b -> offer 192.0.2.101
c select -> ack 192.0.2.101
b renew -> nak
d discover -> nothing
