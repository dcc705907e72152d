# A BOOTP request from a link without a subnet, and one of a client that has a lease.
config kea
{ "hooks-libraries": [{ "library": "/usr/lib/x86_64-linux-gnu/kea/hooks/libdhcp_lease_cmds.so" }, { "library": "/usr/lib/x86_64-linux-gnu/kea/hooks/libdhcp_bootp.so" }] }
end
config ours
{ "hooks-libraries": [{ "library": "libdhcp_lease_cmds.so" }, { "library": "libdhcp_bootp.so" }] }
end
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover -> offer
a select -> ack
a bootp -> type-0
b bootp via=10.9.0.1 -> nothing kea type-0
