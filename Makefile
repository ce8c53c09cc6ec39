# make help lists the targets. Two of them do all the set-up there is: run and test.

GO      ?= go
TAGS    ?= poll_opt
GOFLAGS_TAGS = -tags '$(TAGS)'
E2E     = cmd/sioserver/e2e
CLIENT  = cmd/sioserver/client
BUNDLE  = $(CLIENT)/bundle/socket.io.min.js
LISTEN  ?= 127.0.0.1:3000
FUZZTIME ?= 20s
COUNT   ?= 10
# Tests that run side by side mostly wait: more of them than there are processors may.
WAITING = -parallel 8
BENCH   ?= .
PKGS    ?= ./...
SOAK    ?= 20m

.DEFAULT_GOAL := help
COMMIT  = $(shell git describe --always --abbrev=12 --dirty=+changes 2>/dev/null)
DEV     = bin/sioserver --dev --listen {listen}
PINNED  = --server-cpus 0 --client-cpus 1
ROUNDS  ?= 1
SUITE   ?= bench/suites/peers.yaml
.PHONY: help run build test unit race e2e e2e-tls e2e-attach e2e-proxy scenarios golden record-ingest page fuzz lint tidy-check bench benchcmp chaos soak cover clean browser redis backends config-docs bench-smoke bench-laptop bench-peers

help: ## print this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(BUNDLE) ## start the server on loopback with a page to try it on (LISTEN=127.0.0.1:3000)
	$(GO) run $(GOFLAGS_TAGS) ./cmd/sioserver --dev --listen $(LISTEN)

build: $(BUNDLE) ## build bin/sioserver, the browser client included
	$(GO) build $(GOFLAGS_TAGS) -trimpath -o bin/sioserver ./cmd/sioserver

test: lint unit race e2e page bench-smoke ## everything that must pass: lint, unit tests plain and with the race detector, official clients, browser, a moment of load

unit: redis ## Go tests, with gnet's faster poller and without, over TLS, and with each of the ways in which output can leave
	$(GO) test $(WAITING) $(GOFLAGS_TAGS) ./...
	SIO_TEST_TLS=1 $(GO) test -count=1 $(WAITING) $(GOFLAGS_TAGS) ./loop
	$(GO) test $(WAITING) ./loop/... ./transport
	for way in io_uring gather send; do SIOSERVER_TEST_FLUSH=$$way $(GO) test $(WAITING) $(GOFLAGS_TAGS) ./loop/... ./transport || exit 1; done

# Go's pointer checks, which come with -race, do not allow what gnet's faster poller does with epoll's user data.
race: redis ## Go tests with the race detector
	$(GO) test -race $(WAITING) $(GOFLAGS_TAGS) -gcflags='github.com/panjf2000/gnet/v2/...=-d=checkptr=0' ./...

bin/e2e-app: FORCE
	$(GO) build $(GOFLAGS_TAGS) -o $@ ./$(E2E)/app

bin/e2e-examples: FORCE
	$(GO) build $(GOFLAGS_TAGS) -o $@ ./docs/examples

bin/e2e-crowd: FORCE
	$(GO) build $(GOFLAGS_TAGS) -o $@ ./$(E2E)/crowd

bin/e2e-official: FORCE
	$(GO) build $(GOFLAGS_TAGS) -o $@ ./$(E2E)/official

e2e: redis backends $(E2E)/node_modules/.package-lock.json bin/e2e-app bin/e2e-crowd bin/e2e-official bin/e2e-examples build ## official clients against the server, three transports
	cd $(E2E) && SIO_SERVER_CMD="$(CURDIR)/bin/e2e-app" npm run --silent test:clients
	cd $(E2E) && SIO_SERVER_CMD="$(CURDIR)/bin/e2e-app" npm run --silent test:conformance
	cd $(E2E) && SIO_EXAMPLES_CMD="$(CURDIR)/bin/e2e-examples" npm run --silent test:examples
	cd $(E2E) && SIO_OFFICIAL_CMD="$(CURDIR)/bin/e2e-official" npm run --silent test:official
	cd $(E2E) && SIO_OPERATOR_CMD="$(CURDIR)/bin/sioserver" SIO_CROWD_CMD="$(CURDIR)/bin/e2e-crowd" npm run --silent test:operator
	cd $(E2E) && SIO_SERVER_CMD="$(CURDIR)/bin/e2e-app" npm run --silent test:load
	cd $(E2E) && SIO_SERVER_CMD="$(CURDIR)/bin/e2e-app" npm run --silent test:tls
	cd $(E2E) && SIO_SERVER_CMD="$(CURDIR)/bin/e2e-app" npm run --silent test:attach

e2e-tls: $(E2E)/node_modules/.package-lock.json bin/e2e-app ## all of e2e over https and wss, of which e2e has a part
	cd $(E2E) && SIO_SERVER_CMD="$(CURDIR)/bin/e2e-app" npm run --silent test:tls:all

e2e-attach: redis $(E2E)/node_modules/.package-lock.json bin/e2e-app ## all of e2e with the server attached to net/http: plain, TLS, HTTP/2; e2e has a part
	cd $(E2E) && SIO_SERVER_CMD="$(CURDIR)/bin/e2e-app" npm run --silent test:attach:all

e2e-proxy: redis $(E2E)/node_modules/.package-lock.json bin/e2e-app ## a part of e2e behind nginx and HAProxy, and two servers behind each; installed if missing and this is root
	@command -v nginx >/dev/null && command -v haproxy >/dev/null || \
	{ [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq --no-install-recommends nginx-light haproxy >/dev/null; } || \
	{ echo "nginx or haproxy is missing: install them, or run this as root on Debian" >&2; exit 1; }
	cd $(E2E) && SIO_SERVER_CMD="$(CURDIR)/bin/e2e-app" npm run --silent test:proxy
	cd $(E2E) && SIO_SERVER_CMD="$(CURDIR)/bin/e2e-app" npm run --silent test:balanced

# Its 15,000 clients need a machine that does nothing else, and 20,000 open files.
scenarios: redis backends $(E2E)/node_modules/.package-lock.json bin/e2e-crowd build ## what an operator meets, at full size: 15,000 clients, an endpoint down for five minutes; prints figures, a quarter of an hour
	cd $(E2E) && SIO_OPERATOR_CMD="$(CURDIR)/bin/sioserver" SIO_CROWD_CMD="$(CURDIR)/bin/e2e-crowd" npm run --silent test:scenarios

golden: redis $(E2E)/node_modules/.package-lock.json ## record again what the official adapters and the emitter publish, for the Go tests
	cd $(E2E) && node golden/record.mjs $(CURDIR)/rooms

# Laravel's packages are those of Debian 12, the newest that Debian has.
RECORDER = bin/recorder
record-ingest: redis $(E2E)/node_modules/.package-lock.json ## record again what python-socketio and Laravel publish, for the Go tests: needs Debian 12 and root, or the packages
	@dpkg-query -W php-cli python3-venv $(LARAVEL) >/dev/null 2>&1 || \
	{ apt-get update -qq && apt-get install -y -qq --no-install-recommends php-cli python3-venv php-predis=1.1.10-2 \
	  php-illuminate-broadcasting=8.83.26+dfsg-2 php-illuminate-redis=8.83.26+dfsg-2 php-illuminate-config=8.83.26+dfsg-2 >/dev/null; }
	python3 -m venv $(RECORDER) && $(RECORDER)/bin/pip install -q --require-hashes -r $(E2E)/golden/requirements.txt
	cd $(E2E) && node golden/ingest.mjs $(CURDIR)/$(RECORDER)/bin/python $(CURDIR)/cmd/sioserver/internal/ingest/testdata

page: $(E2E)/node_modules/.package-lock.json bin/e2e-app build browser ## headless Chromium: the try-it page, foreign origins, old clients
	cd $(E2E) && SIO_SERVER_CMD="$(CURDIR)/bin/e2e-app" npm run --silent test:browser
	cd $(E2E) && SIO_DEV_CMD="$(CURDIR)/bin/sioserver --dev" SIO_OPERATOR_CMD="$(CURDIR)/bin/sioserver" npm run --silent test:page

browser: ## install Debian's Chromium if it is missing and this is root
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; } || \
	{ echo "chromium is missing: install it, or run this as root on Debian" >&2; exit 1; }

LARAVEL = php-illuminate-broadcasting php-illuminate-config php-illuminate-redis php-predis
backends: ## install Debian's PHP, Laravel's broadcasting and Python if they are missing and this is root
	@{ command -v php && command -v python3 && dpkg-query -W $(LARAVEL); } >/dev/null 2>&1 || \
	{ [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq --no-install-recommends php-cli python3 $(LARAVEL) >/dev/null; } || \
	{ echo "php, python3 or one of $(LARAVEL) is missing: install them, or run this as root on Debian" >&2; exit 1; }

redis: ## install Debian's Redis if it is missing and this is root
	@command -v redis-server >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq --no-install-recommends redis-server >/dev/null; } || \
	{ echo "redis-server is missing: install it, or run this as root on Debian" >&2; exit 1; }

%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci --silent
	@touch $@

$(BUNDLE): $(CLIENT)/node_modules/.package-lock.json $(CLIENT)/brotli.mjs
	cp $(CLIENT)/node_modules/socket.io-client/dist/*.js $(CLIENT)/node_modules/socket.io-client/dist/*.map $(CLIENT)/bundle/
	mkdir -p $(CLIENT)/bundle/charts && cp $(CLIENT)/node_modules/uplot/dist/uPlot.esm.js $(CLIENT)/node_modules/uplot/dist/uPlot.min.css $(CLIENT)/bundle/charts/
	node $(CLIENT)/brotli.mjs $(CLIENT)/bundle/*.js
	@touch $@

fuzz: ## every fuzz target in turn, FUZZTIME each
	@for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "$$pkg $$f"; $(GO) test $$pkg -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) || exit 1; \
	  done; \
	done

lint: ## vet, staticcheck, formatting, the rules of docs/architecture.md
	$(GO) vet $(GOFLAGS_TAGS) ./...
	$(GO) vet -tags '$(TAGS) chaos' ./rooms/...
	$(GO) tool staticcheck $(GOFLAGS_TAGS) ./...
	@out="$$($(GO) tool gofumpt -l .)"; [ -z "$$out" ] || { echo "gofumpt would change:"; echo "$$out"; exit 1; }
	$(GO) test ./docs/...

config-docs: ## write docs/configuration.md, after a change of the configuration's schema
	$(GO) run ./cmd/sioserver config docs --markdown > docs/configuration.md.new && mv docs/configuration.md.new docs/configuration.md

tidy-check: ## go.mod and go.sum are complete and minimal
	$(GO) mod tidy -diff

GO_BENCH = $(GO) test $(GOFLAGS_TAGS) -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) $(PKGS)

bench: ## Go benchmarks, COUNT runs, to bench.out (PKGS=./... BENCH=.)
	$(GO_BENCH) | tee bench.out

benchcmp: ## compare the benchmarks of BASE (a commit) with those of the working tree's commit (PKGS=./... BENCH=.)
	@[ -n "$(BASE)" ] || { echo "usage: make benchcmp BASE=<commit>" >&2; exit 1; }
	@git diff --quiet HEAD || { echo "the working tree has changes; commit them first" >&2; exit 1; }
	rm -rf .benchcmp && git worktree prune && git worktree add -q --detach .benchcmp $(BASE)
	cd .benchcmp && $(GO_BENCH) > ../bench.base.out; status=$$?; cd .. && git worktree remove --force .benchcmp && exit $$status
	$(GO_BENCH) > bench.out
	$(GO) tool benchstat bench.base.out bench.out

bin/siobench: FORCE
	$(GO) build -trimpath -ldflags '-X main.commit=$(COMMIT)' -o $@ ./bench/cmd/siobench

bench-smoke: build bin/siobench ## every kind of load for a moment, nothing lost: under a minute
	bin/siobench run bench/suites/smoke.yaml --server-cmd '$(DEV)' --accept-invalid --progress none

bench-laptop: build bin/siobench ## what one server process does on two processors, with pages in bin/laptop: under ten minutes
	bin/siobench run bench/suites/laptop.yaml --server-cmd '$(DEV)' $(PINNED) --dir bin/laptop

bench-peers: build bin/siobench ## this server and others side by side, into bench/results (ROUNDS=1 SUITE=bench/suites/peers.yaml)
	bin/siobench peers --own '$(DEV)' $(PINNED) --rounds $(ROUNDS) --suite $(SUITE)

chaos: redis ## Redis stops, hangs, is cut off and fails over, in network namespaces of the tests: needs root, five minutes
	@[ "$$(id -u)" = 0 ] || { echo "make chaos makes network namespaces: run it as root" >&2; exit 1; }
	@command -v ip >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends iproute2 >/dev/null; }
	$(GO) test -tags '$(TAGS) chaos' -count 1 -timeout 20m -p 1 -v -run '^TestChaos' ./rooms/redis ./rooms/redisstreams

soak: ## clients that come and go for SOAK (20m): fails if heap, memory, descriptors or goroutines grow; then the load tests in their long form
	LOOP_TEST_SOAK=$(SOAK) $(GO) test $(GOFLAGS_TAGS) -count 1 -timeout 24h -v -run '^TestSoak' ./loop
	LOOP_TEST_LONG=1 $(GO) test $(GOFLAGS_TAGS) -count 1 -timeout 60m ./loop

cover: ## statement coverage of the Go tests
	$(GO) test $(GOFLAGS_TAGS) -coverpkg ./... -coverprofile coverage.out ./... && $(GO) tool cover -func coverage.out | tail -1

clean: ## remove what the targets above made
	rm -rf bin bench.out bench.base.out coverage.out $(E2E)/node_modules $(CLIENT)/node_modules $(CLIENT)/bundle/socket.io* $(CLIENT)/bundle/charts

FORCE:
