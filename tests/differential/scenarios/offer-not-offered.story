# An address that was offered to one client is not offered to another one that asks for it.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover -> offer 192.0.2.100
b discover requested=192.0.2.100 -> offer 192.0.2.101
