// Package link holds what adapters over Redis have in common: the queue of what
// is to be written, the subscribed connection, the number of servers, and what
// they do about messages that cannot be used.
package link
