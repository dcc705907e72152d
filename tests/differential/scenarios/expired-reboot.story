# A client reboots after its lease is over.
config
{ "valid-lifetime": 1, "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover -> offer 192.0.2.100
a select -> ack
expire a
a reboot -> ack
expire a
b request requested=bound:a server=192.0.2.1 -> ack 192.0.2.100
a reboot -> nothing
