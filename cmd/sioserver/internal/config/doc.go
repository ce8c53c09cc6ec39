// Package config holds the configuration of the command: one struct whose tags
// say the YAML key, the default, what the key is for, and whether a running
// server takes a new value.
//
// The tags of a field:
//
//	yaml     the key; the name of the environment variable follows from the path
//	default  the value of a key that is not given, as it would stand in a file
//	doc      what it is for, one or two sentences, for the reference
//	reload   "live" or "restart": what a reload does with a changed value
package config
