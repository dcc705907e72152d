# BOOTP clients, as the hook serves them.
config kea
{ "hooks-libraries": [{ "library": "/usr/lib/x86_64-linux-gnu/kea/hooks/libdhcp_lease_cmds.so" }, { "library": "/usr/lib/x86_64-linux-gnu/kea/hooks/libdhcp_bootp.so" }] }
end
config ours
{ "hooks-libraries": [{ "library": "libdhcp_lease_cmds.so" }, { "library": "libdhcp_bootp.so" }] }
end
config
{ "client-classes": [{ "name": "BOOTP", "boot-file-name": "diskless", "option-data": [{ "name": "domain-name", "data": "bootp.test" }] },
    { "name": "after", "test": "member('BOOTP')", "option-data": [{ "name": "boot-size", "data": "3", "always-send": true }] }],
  "renew-timer": 100, "option-data": [{ "name": "routers", "data": "192.0.2.1" }, { "name": "dhcp-message", "data": "hello", "always-send": true }],
  "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a bootp -> type-0
b bootp via=192.0.2.9 -> type-0
a bootp -> type-0
c bootp opt125=000001 -> nothing
