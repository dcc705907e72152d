# A relay with a port of its own (82.19) is answered there.
config
{ "subnet4": [{ "id": 1, "subnet": "10.1.0.0/24", "pools": [{ "pool": "10.1.0.10-10.1.0.20" }] }] }
end
client a via=10.1.0.1
a discover rai=19:'' -> offer
a select rai=1:aa,19:'' -> ack
a request requested=10.7.7.7 rai=19:'' -> nak
