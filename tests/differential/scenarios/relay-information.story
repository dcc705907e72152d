# Option 82 comes back as it was sent, last of all; an empty one does not.
config
{ "subnet4": [{ "id": 1, "subnet": "10.1.0.0/24", "pools": [{ "pool": "10.1.0.10-10.1.0.20" }] }] }
end
client a via=10.1.0.1
a discover rai=1:aabb,2:ccdd -> offer
a select rai=1:aabb,2:ccdd -> ack
a request rai=1:aabb requested=10.7.0.1 -> nak
b discover via=10.1.0.1 opt82= -> offer
b select via=10.1.0.1 opt82=01 -> ack
c discover via=10.1.0.1 rai=1:'port 7',9:00000009 -> offer
c select via=10.1.0.1 rai=1:'port 7',9:00000009 -> ack
d discover via=0.0.0.0 from=0.0.0.0 to=255.255.255.255 rai=1:aa -> nothing
