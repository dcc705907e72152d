# authoritative of one subnet says nothing of the other.
config
{ "subnet4": [
  { "id": 1, "subnet": "10.1.0.0/24", "authoritative": true, "pools": [{ "pool": "10.1.0.10-10.1.0.20" }] },
  { "id": 2, "subnet": "10.2.0.0/24", "pools": [{ "pool": "10.2.0.10-10.2.0.20" }] } ] }
end
client a via=10.1.0.1
client b via=10.2.0.1
a request requested=10.1.0.15 -> nak
b request requested=10.2.0.15 -> nothing
a request requested=10.2.0.15 -> nak
b request requested=10.1.0.15 -> nothing
