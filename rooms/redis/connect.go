// Connect: a client of Redis, from what a configuration says.

package redis

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// ConnectOptions say where Redis is, and who this server is there.
type ConnectOptions struct {
	// URL is "redis://host:6379/0", "rediss://host:6379/0" for TLS, or
	// "unix:///path/of/socket". A user and a password may stand in it,
	// "redis://user:password@host"; the database is 0 if it is left out. What the
	// fields below say can be said by parameters: master_name, sentinel_username,
	// sentinel_password, cluster=true, and addr, again and again, which without
	// master_name means a Redis Cluster.
	URL string
	// Username and Password go before those in the URL. A password without a user
	// is that of the user "default".
	Username, Password string
	// Sentinel is the name of the master that sentinels watch over. URL and Addrs
	// are addresses of sentinels then, whose port is 26379 if it is left out.
	Sentinel string
	// SentinelUsername and SentinelPassword are for the sentinels; Username and
	// Password, and those in the URL, are for Redis.
	SentinelUsername, SentinelPassword string
	// Cluster says that URL and Addrs are addresses of nodes of a Redis Cluster.
	Cluster bool
	// Addrs are further sentinels or nodes, "host:port".
	Addrs []string
	// TLS goes before what follows from a URL with rediss. Default: the system's
	// authorities, the host of the URL as the server's name, TLS 1.2 and later.
	TLS *tls.Config
}

// The limits of a client made by Connect.
const (
	connectTime = 2 * time.Second // of making a connection
	answerTime  = 3 * time.Second // of an answer
)

// Connect makes a client for [Options].Client. Nothing is sent before the first
// use of it, so Redis need not be there: [Cluster.Check] says whether it is, and
// lets everything be done. The client is the caller's to close. The error tells
// which option is wrong, and holds no password.
func Connect(o ConnectOptions) (goredis.UniversalClient, error) {
	if o.URL == "" {
		return nil, errors.New("redis: the URL is missing: write it like redis://127.0.0.1:6379/0")
	}
	u, err := url.Parse(o.URL)
	if err != nil || u.Scheme == "" {
		return nil, errors.New("redis: the URL cannot be read: write it like redis://user:password@host:6379/0, with %40 for an @ in a password")
	}
	if err := o.parameters(u); err != nil {
		return nil, err
	}
	if err := o.validate(u); err != nil {
		return nil, err
	}
	one, err := goredis.ParseURL(u.String())
	if err != nil {
		return nil, fmt.Errorf("redis: the URL: %w", err)
	}
	setDefault(&o.Username, one.Username)
	setDefault(&o.Password, one.Password)
	if o.TLS == nil {
		o.TLS = one.TLSConfig
	}
	switch {
	case o.Sentinel != "":
		if u.Port() == "" {
			one.Addr = net.JoinHostPort(u.Hostname(), "26379")
		}
		return goredis.NewFailoverClient(&goredis.FailoverOptions{
			MasterName: o.Sentinel, SentinelAddrs: o.addrs(one.Addr), SentinelUsername: o.SentinelUsername, SentinelPassword: o.SentinelPassword,
			Username: o.Username, Password: o.Password, DB: one.DB, TLSConfig: o.TLS, MaxRetries: -1,
			DialTimeout: connectTime, ReadTimeout: answerTime, WriteTimeout: answerTime, ContextTimeoutEnabled: true, DialerRetries: 1,
		}), nil
	case o.Cluster:
		return goredis.NewClusterClient(&goredis.ClusterOptions{
			Addrs: o.addrs(one.Addr), Username: o.Username, Password: o.Password, TLSConfig: o.TLS, MaxRetries: -1,
			DialTimeout: connectTime, ReadTimeout: answerTime, WriteTimeout: answerTime, ContextTimeoutEnabled: true, DialerRetries: 1,
		}), nil
	}
	one.Username, one.Password, one.TLSConfig, one.MaxRetries = o.Username, o.Password, o.TLS, -1
	one.DialTimeout, one.ReadTimeout, one.WriteTimeout, one.ContextTimeoutEnabled = connectTime, answerTime, answerTime, true
	one.DialerRetries = 1 // whoever uses the client tries again
	return goredis.NewClient(one), nil
}

// parameters takes over what the URL says behind its question mark, and takes it
// out there.
func (o *ConnectOptions) parameters(u *url.URL) error {
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errors.New("redis: the part of the URL behind ? cannot be read")
	}
	u.RawQuery = ""
	for name, values := range q {
		value := values[len(values)-1]
		switch name {
		case "master_name":
			setDefault(&o.Sentinel, value)
		case "sentinel_username":
			setDefault(&o.SentinelUsername, value)
		case "sentinel_password":
			setDefault(&o.SentinelPassword, value)
		case "addr":
			o.Addrs = append(slices.Clip(o.Addrs), values...)
			o.Cluster = o.Cluster || !q.Has("master_name") && o.Sentinel == ""
		case "cluster":
			if value != "true" && value != "false" {
				return errors.New("redis: the parameter cluster of the URL is true or false")
			}
			o.Cluster = o.Cluster || value == "true"
		default:
			return fmt.Errorf("redis: the URL has a parameter %q; there are master_name, sentinel_username, sentinel_password, cluster, addr", name)
		}
	}
	return nil
}

// addrs are all addresses, each once.
func (o *ConnectOptions) addrs(first string) []string {
	list := []string{first}
	for _, addr := range o.Addrs {
		if !slices.Contains(list, addr) {
			list = append(list, addr)
		}
	}
	return list
}

func (o *ConnectOptions) validate(u *url.URL) error {
	several := o.Sentinel != "" || o.Cluster
	switch {
	case u.Scheme != "redis" && u.Scheme != "rediss" && u.Scheme != "unix":
		return fmt.Errorf("redis: the URL begins with %s://, it must be redis://, rediss:// or unix://", u.Scheme)
	case u.Scheme != "unix" && u.Hostname() == "":
		return errors.New("redis: the URL has no host: write it like redis://127.0.0.1:6379/0")
	case o.Sentinel != "" && o.Cluster:
		return errors.New("redis: Sentinel and Cluster exclude each other: Redis Cluster has no sentinels")
	case several && u.Scheme == "unix":
		return errors.New("redis: sentinels and clusters are not reached by unix://: use redis:// or rediss://")
	case o.Cluster && u.Path != "" && u.Path != "/" && u.Path != "/0":
		return errors.New("redis: a Redis Cluster has database 0 only: leave it out of the URL")
	case len(o.Addrs) > 0 && !several:
		return errors.New("redis: several addresses are for Sentinel and Cluster: set one of them, or give one URL")
	case o.TLS != nil && u.Scheme != "rediss":
		return errors.New("redis: there are settings for TLS, and the URL is without it: begin it with rediss://")
	case o.Sentinel == "" && (o.SentinelUsername != "" || o.SentinelPassword != ""):
		return errors.New("redis: there is a password for sentinels and no Sentinel: name the master")
	}
	for _, addr := range o.Addrs {
		if host, port, err := net.SplitHostPort(addr); err != nil || host == "" || port == "" {
			return fmt.Errorf("redis: the address %q is not like host:port", addr)
		}
	}
	return nil
}
