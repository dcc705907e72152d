# Global reservations, where the scope has them.
config
{ "reservations-global": true, "reservations-in-subnet": false, "reservations": [ { "hw-address": "02:00:61:00:00:00", "hostname": "everywhere", "option-data": [{ "name": "log-servers", "data": "192.0.2.4" }] } ],
  "subnet4": [
   { "id": 1, "subnet": "10.1.0.0/24", "pools": [{ "pool": "10.1.0.10-10.1.0.20" }], "reservations": [ { "hw-address": "02:00:61:00:00:00", "ip-address": "10.1.0.50" } ] },
   { "id": 2, "subnet": "10.2.0.0/24", "reservations-global": false, "reservations-in-subnet": true, "pools": [{ "pool": "10.2.0.10-10.2.0.20" }], "reservations": [ { "hw-address": "02:00:61:00:00:00", "ip-address": "10.2.0.50" } ] }] }
end
a discover via=10.1.0.1 prl=7 -> offer 10.1.0.10
a select via=10.1.0.1 prl=7 -> ack
a discover via=10.2.0.1 prl=7 -> offer 10.2.0.50
a select via=10.2.0.1 prl=7 -> ack
