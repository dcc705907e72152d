# Names by ddns-replace-client-name, suffix and prefix.
config
{ "ddns-qualifying-suffix": "example.org", "ddns-generated-prefix": "gen", "subnet4": [
   { "id": 1, "subnet": "10.1.0.0/24", "ddns-replace-client-name": "always", "pools": [{ "pool": "10.1.0.10-10.1.0.20" }] },
   { "id": 2, "subnet": "10.2.0.0/24", "ddns-replace-client-name": "when-present", "pools": [{ "pool": "10.2.0.10-10.2.0.20" }] },
   { "id": 3, "subnet": "10.3.0.0/24", "ddns-replace-client-name": "when-not-present", "pools": [{ "pool": "10.3.0.10-10.3.0.20" }] },
   { "id": 4, "subnet": "10.4.0.0/24", "pools": [{ "pool": "10.4.0.10-10.4.0.20" }], "hostname-char-set": "[^a-z]", "hostname-char-replacement": "x" }] }
end
a discover via=10.1.0.1 host='pc' -> offer
a select via=10.1.0.1 host='pc' -> ack
b discover via=10.1.0.1 -> offer
b select via=10.1.0.1 -> ack
c discover via=10.2.0.1 fqdn=05:pc -> offer
c select via=10.2.0.1 fqdn=05:pc -> ack
d discover via=10.2.0.1 -> offer
d select via=10.2.0.1 -> ack
e discover via=10.3.0.1 host='pc' -> offer
e select via=10.3.0.1 host='pc' -> ack
f discover via=10.3.0.1 -> offer
f select via=10.3.0.1 -> ack
g discover via=10.4.0.1 host='pc_9' -> offer
g select via=10.4.0.1 host='pc_9' -> ack
h discover via=10.4.0.1 fqdn=04:pc_9 -> offer
h select via=10.4.0.1 fqdn=04:pc_9 -> ack
