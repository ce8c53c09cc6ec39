module github.com/sioserver/sioserver/bench/targets/epoll-tcp

go 1.26.0
