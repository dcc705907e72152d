# A DISCOVER that names its address in ciaddr, as RFC 2131 does not have it, gets that one.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover ciaddr=192.0.2.109 -> offer 192.0.2.109
a select -> ack
b discover ciaddr=192.0.2.109 -> offer 192.0.2.100
b select -> ack
c discover ciaddr=192.0.2.108 requested=192.0.2.107 -> offer 192.0.2.107
c select -> ack
d discover ciaddr=10.0.0.1 from=10.0.0.1 to=192.0.2.1 -> nothing
