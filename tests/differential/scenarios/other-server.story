# What is for another server is not answered.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover -> offer
a select server=192.0.2.99 -> nothing
a select -> ack
a release server=192.0.2.99 -> nothing
a renew server=192.0.2.99 -> nothing
a renew -> ack
b discover server=192.0.2.1 -> nothing
b inform ciaddr=192.0.2.60 server=192.0.2.1 -> ack
b decline requested=192.0.2.100 server=192.0.2.99 -> nothing
