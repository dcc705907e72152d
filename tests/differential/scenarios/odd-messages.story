# What is not answered at all, and what is answered though odd.
config
{ "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.100 - 192.0.2.110" }] }] }
end
a discover op=2 -> offer
b discover type=2 -> nothing
b discover type=5 -> nothing
b discover type=6 -> nothing
b discover type=0 -> nothing
b discover type=9 -> nothing
b discover type=13 -> nothing
b discover type=99 -> nothing
b discover no=53 -> nothing
b discover cid=01 -> nothing
b discover opt61= -> nothing
b discover hlen=0 -> nothing
b discover hlen=0 cid=010203 -> offer
c discover htype=6 -> offer
c discover htype=0 -> offer
d discover hlen=16 -> offer
d discover secs=65535 -> offer
e discover sname='name' file='file' siaddr=9.9.9.9 yiaddr=8.8.8.8 -> offer
f discover ciaddr=192.0.2.109 -> offer
f request ciaddr=192.0.2.109 from=192.0.2.109 to=192.0.2.1 requested=192.0.2.109 server=192.0.2.1 -> ack
