# An address is asked for that the client cannot have: another one is looked for from the subnet of that address on.
config
{ "shared-networks": [{ "name": "n", "relay": { "ip-addresses": ["10.9.0.1"] }, "subnet4": [
    { "id": 1, "subnet": "10.1.0.0/24", "pools": [{ "pool": "10.1.0.10-10.1.0.19" }] },
    { "id": 2, "subnet": "10.2.0.0/24", "pools": [{ "pool": "10.2.0.10-10.2.0.19" }] },
    { "id": 3, "subnet": "10.3.0.0/24", "pools": [{ "pool": "10.3.0.10-10.3.0.19" }], "reservations": [
      { "hw-address": "02:00:61:00:00:00", "ip-address": "10.3.0.15" }] }] }] }
end
client a via=10.9.0.1
client b via=10.9.0.1
client c via=10.9.0.1
b discover requested=10.3.0.15 -> offer 10.3.0.10
restart
c discover -> offer 10.1.0.10
c select -> ack
# From where one was given last it goes on.
b discover requested=10.3.0.15 -> offer 10.1.0.11
