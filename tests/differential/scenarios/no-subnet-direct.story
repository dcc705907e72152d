# On the link without a subnet: what is broadcast and names no server gets no answer.
config
{ "subnet4": [{ "id": 1, "subnet": "10.1.0.0/24", "pools": [{ "pool": "10.1.0.10-10.1.0.20" }] }] }
end
a discover -> nothing
a rebind ciaddr=10.9.0.5 -> nothing
a request requested=10.9.0.5 -> nothing
a request requested=10.9.0.5 server=192.0.2.1 -> nak kea nothing
a renew ciaddr=10.9.0.5 from=10.9.0.5 -> nak
