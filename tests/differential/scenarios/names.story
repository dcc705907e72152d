# What becomes of clients' names under rules of one's own.
config
{ "ddns-qualifying-suffix": "a.test", "ddns-generated-prefix": "pc", "hostname-char-replacement": "x",
  "subnet4": [
    { "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }], "relay": { "ip-addresses": ["192.0.2.9"] } },
    { "id": 2, "subnet": "10.1.0.0/24", "pools": [{ "pool": "10.1.0.100 - 10.1.0.110" }], "ddns-replace-client-name": "always" },
    { "id": 3, "subnet": "10.2.0.0/24", "pools": [{ "pool": "10.2.0.100 - 10.2.0.110" }], "ddns-replace-client-name": "when-present" },
    { "id": 4, "subnet": "10.3.0.0/24", "pools": [{ "pool": "10.3.0.100 - 10.3.0.110" }], "ddns-replace-client-name": "when-not-present",
      "ddns-qualifying-suffix": "", "hostname-char-set": "[a-c]" }] }
end
client a via=192.0.2.9
client b via=10.1.0.9
client c via=10.2.0.9
client d via=10.3.0.9
client e via=192.0.2.9
client f via=10.3.0.9
client g via=10.1.0.9
a discover host='Ho_st' -> offer
a select host='Ho_st' -> ack
a renew host='two.labels' -> ack
a renew fqdn=0:partial -> ack
a renew fqdn=5:Full.Name. -> ack
b discover -> offer
b select -> ack
b renew host='sent' -> ack
b renew fqdn=1:sent -> ack
c discover -> offer
c select host='sent' -> ack
c renew -> ack
d discover host='abcdef' -> offer
d select host='abcdef' -> ack
d renew fqdn=0:abcd.ef. -> ack
f discover -> offer
f select -> ack
e discover fqdn=4: -> offer
e select fqdn=4: -> ack
g discover fqdn=0: -> offer
