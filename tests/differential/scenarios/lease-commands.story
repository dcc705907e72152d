# lease4-add without a subnet's id takes the first subnet that has the address and no guard.
config
{ "client-classes": [{ "name": "x", "test": "option[60].exists" }],
  "subnet4": [
    { "id": 1, "subnet": "192.0.2.0/25", "client-class": "x", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] },
    { "id": 2, "subnet": "192.0.2.0/24" },
    { "id": 3, "subnet": "10.1.0.0/24", "client-class": "x" },
    { "id": 4, "subnet": "10.2.0.0/24", "valid-lifetime": 777 }] }
end
client a class='x'
a discover -> offer 192.0.2.100
a select -> ack
command {"command": "lease4-add", "arguments": {"ip-address": "192.0.2.105", "hw-address": "02:00:00:00:00:05"}}
command {"command": "lease4-add", "arguments": {"ip-address": "192.0.2.200", "hw-address": "02:00:00:00:00:06"}}
command {"command": "lease4-add", "arguments": {"ip-address": "10.1.0.7", "hw-address": "02:00:00:00:00:07"}}
command {"command": "lease4-add", "arguments": {"ip-address": "10.2.0.7", "hw-address": "02:00:00:00:00:07"}}
command {"command": "lease4-add", "arguments": {"ip-address": "10.9.0.7", "hw-address": "02:00:00:00:00:07"}}
command {"command": "lease4-add", "arguments": {"ip-address": "10.2.0.8", "subnet-id": 0, "hw-address": "02:00:00:00:00:08"}}
command {"command": "lease4-add", "arguments": {"ip-address": "10.2.0.9", "subnet-id": 3, "hw-address": "02:00:00:00:00:09"}}
command {"command": "lease4-add", "arguments": {"ip-address": "10.2.0.7", "hw-address": "02:00:00:00:00:07"}}
a renew -> ack
