// Package proxyproto reads the header by which a proxy says whose connection it
// passes on: the PROXY protocol, versions 1 and 2
// (https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt).
package proxyproto
