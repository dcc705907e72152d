# An INFORM without a subnet is told the boot fields of its classes, and no options.
config
{ "next-server": "192.0.2.1", "client-classes": [{ "name": "x", "test": "option[60].exists", "next-server": "192.0.2.7", "boot-file-name": "/boot",
    "server-hostname": "boot.example", "option-data": [{ "name": "log-servers", "data": "192.0.2.9", "always-send": true }] }],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a inform via=10.9.0.1 ciaddr=10.9.0.5 class='x' -> ack 7=
a inform via=10.9.0.1 ciaddr=10.9.0.5 -> ack
