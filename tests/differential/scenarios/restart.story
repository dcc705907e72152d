# What was given is known after a restart.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
client a cid=0102 host='a-name'
a discover -> offer
a select -> ack
b discover -> offer
b select -> ack
b release -> nothing
c request -> ack
c decline -> nothing
restart
a renew -> ack
a reboot -> ack
b reboot -> nothing
c reboot -> nothing
d discover -> offer
