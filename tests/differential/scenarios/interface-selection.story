# A direct client's subnet is that of the interface, whatever its prefix; behind a relay the interface says nothing.
config
{ "subnet4": [
  { "id": 1, "subnet": "10.1.0.0/24", "interface": "eth0", "pools": [{ "pool": "10.1.0.10-10.1.0.20" }] },
  { "id": 2, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100-192.0.2.110" }] },
  { "id": 3, "subnet": "10.3.0.0/24", "interface": "lo", "pools": [{ "pool": "10.3.0.10-10.3.0.20" }] } ] }
end
a discover -> offer 10.1.0.10
a select -> ack 10.1.0.10
b discover via=192.0.2.9 -> offer 192.0.2.100
c discover via=10.3.0.1 -> offer 10.3.0.10
