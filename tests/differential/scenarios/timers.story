# T1 and T2 only where they make sense: T2 before the end, T1 before T2.
config
{ "subnet4": [
  { "id": 1, "subnet": "10.1.0.0/24", "valid-lifetime": 400, "renew-timer": 300, "rebind-timer": 500, "pools": [{ "pool": "10.1.0.10-10.1.0.20" }] },
  { "id": 2, "subnet": "10.2.0.0/24", "valid-lifetime": 1000, "renew-timer": 600, "rebind-timer": 1000, "pools": [{ "pool": "10.2.0.10-10.2.0.20" }] },
  { "id": 3, "subnet": "10.3.0.0/24", "valid-lifetime": 1000, "renew-timer": 1000, "pools": [{ "pool": "10.3.0.10-10.3.0.20" }] },
  { "id": 4, "subnet": "10.4.0.0/24", "valid-lifetime": 1000, "calculate-tee-times": true, "pools": [{ "pool": "10.4.0.10-10.4.0.20" }] },
  { "id": 5, "subnet": "10.5.0.0/24", "valid-lifetime": 1001, "calculate-tee-times": true, "t1-percent": 0.333, "t2-percent": 0.777, "pools": [{ "pool": "10.5.0.10-10.5.0.20" }] },
  { "id": 6, "subnet": "10.6.0.0/24", "valid-lifetime": 1000, "calculate-tee-times": true, "rebind-timer": 300, "pools": [{ "pool": "10.6.0.10-10.6.0.20" }] } ] }
end
a discover via=10.1.0.1 -> offer
a discover via=10.2.0.1 -> offer
a discover via=10.3.0.1 -> offer
a discover via=10.4.0.1 -> offer
a discover via=10.5.0.1 -> offer
a discover via=10.6.0.1 -> offer
a select via=10.6.0.1 -> ack
