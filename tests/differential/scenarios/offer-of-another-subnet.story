# An offer made through one subnet of a shared network is known in another one with another match-client-id.
config
{ "shared-networks": [{"name": "n1", "subnet4": [
    {"id": 11, "match-client-id": false, "pools": [{"pool": "10.1.0.20 - 10.1.0.28"}], "subnet": "10.1.0.0/24"},
    {"id": 12, "pools": [{"pool": "172.16.1.20 - 172.16.1.25"}],
      "reservations": [{"client-id": "01aa06", "ip-address": "172.16.1.206"}], "subnet": "172.16.1.0/24"}]}] }
end
client c6 via=10.1.0.1 cid=01aa06
c6 discover -> offer
c6 renew ciaddr=offered from=172.16.1.206 -> ack
