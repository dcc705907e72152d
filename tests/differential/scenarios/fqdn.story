# Option 81 with updates off: flags and name told back, in wire form and in the old text form.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover fqdn=05:Pc1.Example.org. -> offer
a select fqdn=05:Pc1.Example.org. -> ack
a renew fqdn=04:Pc1.Example.org. -> ack
b discover fqdn=04:pc2 -> offer
b select fqdn=04:pc2 -> ack
c discover fqdn=0c:pc3.example. -> offer
c select fqdn=0c:pc3.example. -> ack
d discover fqdn=01:pc4.example.org -> offer
d select fqdn=01:pc4.example.org -> ack
e discover fqdn=00:pc5 host='other' -> offer
e select fqdn=00:pc5 host='other' -> ack
f discover fqdn=05: -> offer
f select fqdn=05: -> ack
g discover fqdn=0d:pc7.example. -> nothing
