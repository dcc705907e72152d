# The older reservation-mode: global, disabled, and out-of-pool.
config
{ "reservations": [{ "hw-address": "02:00:61:00:00:00", "hostname": "global-a", "client-classes": ["named"] }],
  "client-classes": [{ "name": "named", "option-data": [{ "name": "log-servers", "data": "192.0.2.9", "always-send": true }] }],
  "subnet4": [
  { "id": 1, "subnet": "10.1.0.0/24", "reservation-mode": "global", "pools": [{ "pool": "10.1.0.10-10.1.0.20" }],
    "reservations": [{ "hw-address": "02:00:62:00:00:00", "ip-address": "10.1.0.15" }] },
  { "id": 2, "subnet": "10.2.0.0/24", "reservation-mode": "disabled", "pools": [{ "pool": "10.2.0.10-10.2.0.20" }],
    "reservations": [{ "hw-address": "02:00:61:00:00:00", "ip-address": "10.2.0.15" }] },
  { "id": 3, "subnet": "10.3.0.0/24", "reservation-mode": "all", "pools": [{ "pool": "10.3.0.10-10.3.0.20" }],
    "reservations": [{ "hw-address": "02:00:61:00:00:00", "ip-address": "10.3.0.15" }] },
  { "id": 4, "subnet": "10.4.0.0/24", "reservation-mode": "out-of-pool", "pools": [{ "pool": "10.4.0.10-10.4.0.20" }],
    "reservations": [{ "hw-address": "02:00:61:00:00:00", "ip-address": "10.4.0.50" }] } ] }
end
a discover via=10.1.0.1 host='x' prl=12 -> offer 10.1.0.10
b discover via=10.1.0.1 -> offer 10.1.0.11
a discover via=10.2.0.1 host='x' prl=12 -> offer 10.2.0.10
a discover via=10.3.0.1 host='x' prl=12 -> offer 10.3.0.15
a discover via=10.4.0.1 host='x' prl=12 -> offer 10.4.0.50
