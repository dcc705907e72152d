# Link selection (82.5), subnet selection (118) and server identifier override (82.11).
config
{ "subnet4": [
  { "id": 1, "subnet": "10.1.0.0/24", "pools": [{ "pool": "10.1.0.10-10.1.0.20" }] },
  { "id": 2, "subnet": "10.2.0.0/24", "pools": [{ "pool": "10.2.0.10-10.2.0.20" }] } ] }
end
client a via=10.1.0.1
a discover rai=5:10.2.0.0 -> offer 10.2.0.10
a select rai=5:10.2.0.0 -> ack 10.2.0.10
a discover rai=5:10.9.0.0 -> nothing
b discover via=10.1.0.1 opt118=10.2.0.0 -> offer 10.2.0.11
b select via=10.1.0.1 opt118=10.2.0.0 -> ack
c discover via=10.1.0.1 opt118=10.2.0.0 rai=5:10.1.0.0 -> offer 10.1.0.10
d discover via=10.1.0.1 rai=11:10.1.0.1 -> offer
d select via=10.1.0.1 rai=11:10.1.0.1 server=10.1.0.1 -> ack
d select via=10.1.0.1 requested=bound server=10.1.0.1 -> nothing
