# INFORM is answered with options and without a lease.
config
{ "renew-timer": 100, "rebind-timer": 200, "option-data": [{ "name": "domain-name-servers", "data": "192.0.2.53" }],
  "next-server": "192.0.2.7", "boot-file-name": "boot", "server-hostname": "here",
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }],
  "option-data": [{ "name": "routers", "data": "192.0.2.1" }, { "name": "time-offset", "data": "3600" }] }] }
end
a inform ciaddr=192.0.2.77 -> ack
a inform ciaddr=192.0.2.77 prl=2,1,51,58,59,54 -> ack
a inform ciaddr=0.0.0.0 -> nothing
a inform ciaddr=0.0.0.0 from=192.0.2.77 to=192.0.2.1 -> ack
a inform ciaddr=192.0.2.77 broadcast -> ack
a inform ciaddr=10.44.0.7 -> ack
a inform ciaddr=192.0.2.77 host='pc' fqdn=05:pc.example. lifetime=60 requested=192.0.2.101 -> ack
a inform ciaddr=192.0.2.77 from=192.0.2.77 to=192.0.2.1 cid=0102 -> ack
