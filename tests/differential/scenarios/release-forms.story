# A release counts only if it comes from the lease's client.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
client a cid=0101
client b cid=0102
a discover -> offer
a select -> ack
b release ciaddr=bound:a server=192.0.2.1 -> nothing
a release cid=0109 -> nothing
a release no=61 -> nothing
a discover -> offer 192.0.2.101
a select -> ack
a release no=54 -> nothing
a release -> nothing
a renew -> ack
