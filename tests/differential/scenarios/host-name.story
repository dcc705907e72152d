# Option 12: cleaned, lower case in the lease, told back.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover host='Host1' -> offer
a select host='Host1' -> ack
a renew host='Host1' -> ack
a renew -> ack
b discover host='host,1' -> offer
b select host='host,1' -> ack
c discover host='a.b.example.org' -> offer
c select host='a.b.example.org' -> ack
d discover host='a.b.example.org.' -> offer
d select host='a.b.example.org.' -> ack
e discover host='under_score' prl=12,15 -> offer
e select host='under_score' prl=12,15 -> ack
f discover prl=12 -> offer
f select prl=12 -> ack
