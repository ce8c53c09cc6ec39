// The rows of compatibility.md against the API, the Go tests and the suite of official clients.

package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// How many rows say that something is missing, or waits for its test. Who
// changes them has read the row.
const (
	missingRows  = 0
	untestedRows = 0
)

// leastRows is how many rows each section has: what the inventory of the
// reference asks for, and what was found since. No row goes in passing.
var leastRows = map[string]int{
	"Construction":                         11,
	"Options":                              31,
	"Server":                               36,
	"Engine server":                        15,
	"Engine socket":                        24,
	"Namespace":                            27,
	"Socket":                               46,
	"Client":                               8,
	"Broadcast operator":                   17,
	"Remote socket":                        8,
	"Adapter":                              16,
	"Reserved names":                       6,
	"Error codes":                          13,
	"Texts":                                15,
	"Disconnect reasons":                   11,
	"Life cycle":                           15,
	"Recovery":                             13,
	"Client files":                         8,
	"CORS":                                 14,
	"Versions":                             14,
	"Where this server differs on purpose": 37,
	"Coming from v2":                       16,
}

// Heads of the two kinds of tables, and the cell that names the Go API.
var tableHeads = map[string]int{
	"reference|since|here|proven by":   2,
	"here|the reference|why|proven by": 0,
}

var (
	codeSpan = regexp.MustCompile("`([^`]+)`")
	reason   = regexp.MustCompile(`^\*(left out|later|missing|untested)\*: \S+( \S+){2,}$`)
	goProof  = regexp.MustCompile(`^([a-z0-9/]+) (Test[A-Z]\w*)$`)
	e2eProof = regexp.MustCompile(`^e2e ([a-z0-9-]+\.mjs): (\S.{6,}\S)$`)
	goName   = regexp.MustCompile(`^(rooms\.)?[A-Z]\w*(\.[A-Z]\w*)*$`)
)

// row is one row of a table: where it stands, the cell with the Go names, and
// the last cell.
type row struct {
	line    int
	section string
	here    string
	proof   string
}

// compatibilityRows reads every row of every table.
func compatibilityRows(t *testing.T) (rows []row) {
	text, err := readFile("compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	section, here := "", -1
	for i, line := range strings.Split(string(text), "\n") {
		if name, ok := strings.CutPrefix(line, "## "); ok {
			section = name
		}
		if !strings.HasPrefix(line, "|") {
			here = -1
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case here < 0:
			at, ok := tableHeads[strings.Join(cells, "|")]
			if !ok {
				t.Fatalf("line %d: the head of the table is %q", i+1, cells)
			}
			here = at
		case strings.HasPrefix(cells[0], "---"):
		case len(cells) != 4 || cells[0] == "" || cells[3] == "":
			t.Errorf("line %d: a row has four cells, and the first and the last say something: %q", i+1, cells)
		default:
			rows = append(rows, row{i + 1, section, cells[here], cells[3]})
		}
	}
	return rows
}

func TestCompatibilityRows(t *testing.T) {
	count, reasons := map[string]int{}, map[string]int{}
	proofs := newProofs()
	for _, r := range compatibilityRows(t) {
		count[r.section]++
		if m := reason.FindStringSubmatch(r.proof); m != nil {
			reasons[m[1]]++
			continue
		}
		if rest := strings.Trim(codeSpan.ReplaceAllString(r.proof, ""), ", "); rest != "" {
			t.Errorf("line %d: neither tests nor a reason: %q", r.line, rest)
		}
		tests := codeSpan.FindAllStringSubmatch(r.proof, -1)
		if len(tests) == 0 || r.here == "" {
			t.Errorf("line %d: it does not say what is here, or by which test", r.line)
		}
		for _, m := range tests {
			if fault := proofs.check(m[1]); fault != "" {
				t.Errorf("line %d: %s: %s", r.line, m[1], fault)
			}
		}
	}
	for section, n := range count {
		if least, ok := leastRows[section]; !ok || n < least {
			t.Errorf("section %q has %d rows, at least %d are known", section, n, least)
		}
	}
	for section := range leastRows {
		if count[section] == 0 {
			t.Errorf("section %q is gone", section)
		}
	}
	if n := reasons["missing"]; n != missingRows {
		t.Errorf("%d rows are missing, %d are known", n, missingRows)
	}
	if n := reasons["untested"]; n != untestedRows {
		t.Errorf("%d rows are untested, %d are known", n, untestedRows)
	}
}

// proofs finds tests. What was read is kept.
type proofs struct {
	goTests map[string]map[string]bool // by folder
	titles  map[string][]string        // of the files of the suite
}

func newProofs() *proofs {
	return &proofs{map[string]map[string]bool{}, map[string][]string{}}
}

// check returns what is wrong with the name of a test.
func (p *proofs) check(name string) string {
	if m := goProof.FindStringSubmatch(name); m != nil {
		if p.goTests[m[1]] == nil {
			p.goTests[m[1]] = testFunctions(m[1])
		}
		if !p.goTests[m[1]][m[2]] {
			return "there is no such function"
		}
		return ""
	}
	m := e2eProof.FindStringSubmatch(name)
	if m == nil {
		return "this names no test"
	}
	titles, ok := p.titles[m[1]]
	if !ok {
		titles = suiteTitles(m[1])
		p.titles[m[1]] = titles
	}
	found := 0
	for _, title := range titles {
		if strings.Contains(title, m[2]) {
			found++
		}
	}
	if found != 1 {
		return strconv.Itoa(found) + " titles have these words, one must"
	}
	return ""
}

// testFunctions are the names of the tests in a folder.
func testFunctions(folder string) map[string]bool {
	names := map[string]bool{}
	files, _ := filepath.Glob(filepath.Join("..", folder, "*_test.go"))
	for _, path := range files {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			continue // the compiler says more
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || fn.Type.Params.NumFields() != 1 {
				continue
			}
			star, ok := fn.Type.Params.List[0].Type.(*ast.StarExpr)
			if !ok {
				continue
			}
			if x, ok := star.X.(*ast.SelectorExpr); ok && x.Sel.Name == "T" {
				names[fn.Name.Name] = true
			}
		}
	}
	return names
}

// Titles stand as the first argument of test or of withServer, or as the name
// of a case: the key of an object, or the first element of a list, at the
// beginning of its line.
var suiteTitle = regexp.MustCompile(
	"(?m)^\\s*(?:test\\(|withServer\\(|\\[|)(?:'((?:[^'\\\\\\n]|\\\\.)+)'|`([^`\\n]+)`)\\s*(?:,|:)",
)

// suiteTitles are the titles in a file of the suite, without what is computed.
func suiteTitles(name string) (titles []string) {
	text, err := os.ReadFile(filepath.Join("..", "cmd", "sioserver", "e2e", "tests", name))
	if err != nil {
		return nil
	}
	for _, m := range suiteTitle.FindAllStringSubmatch(string(text), -1) {
		titles = append(titles, m[1]+m[2])
	}
	return titles
}

func TestCompatibilityNames(t *testing.T) {
	api := publicAPI{"": exportedNames(t, "loop"), "rooms.": exportedNames(t, "rooms")}
	names := 0
	for _, r := range compatibilityRows(t) {
		for _, m := range codeSpan.FindAllStringSubmatch(r.here, -1) {
			if !goName.MatchString(m[1]) {
				continue
			}
			names++
			if !api.has(m[1]) {
				t.Errorf("line %d: %s does not exist", r.line, m[1])
			}
		}
	}
	if names < 300 {
		t.Errorf("%d names of Go found, there are more", names)
	}
}

// publicAPI are the exported names by package, those of members with their
// type in front. The value is the type of a field if it is a type of the package.
type publicAPI map[string]map[string]string

// has finds a name such as Config.Limits.Rooms.
func (a publicAPI) has(name string) bool {
	pkg := ""
	if rest, ok := strings.CutPrefix(name, "rooms."); ok {
		pkg, name = "rooms.", rest
	}
	head, rest, more := strings.Cut(name, ".")
	_, ok := a[pkg][head]
	for ok && more {
		var member string
		member, rest, more = strings.Cut(rest, ".")
		head, ok = a[pkg][head+"."+member]
	}
	return ok
}

// exportedNames reads the files of a package.
func exportedNames(t *testing.T, folder string) map[string]string {
	names := map[string]string{}
	files, err := filepath.Glob(filepath.Join("..", folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				name := d.Name.Name
				if d.Recv != nil {
					name = typeName(d.Recv.List[0].Type) + "." + name
				}
				names[name] = ""
			case *ast.GenDecl:
				for _, s := range d.Specs {
					addNames(names, s)
				}
			}
		}
	}
	return names
}

// addNames adds a constant, a variable, or a type with its members.
func addNames(names map[string]string, s ast.Spec) {
	switch s := s.(type) {
	case *ast.ValueSpec:
		for _, n := range s.Names {
			names[n.Name] = ""
		}
	case *ast.TypeSpec:
		names[s.Name.Name] = ""
		var members *ast.FieldList
		switch x := s.Type.(type) {
		case *ast.StructType:
			members = x.Fields
		case *ast.InterfaceType:
			members = x.Methods
		default:
			return
		}
		for _, m := range members.List {
			for _, n := range m.Names {
				names[s.Name.Name+"."+n.Name] = typeName(m.Type)
			}
		}
	}
}

// typeName is the name of a type of the package, "" for all others.
func typeName(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.StarExpr:
		return typeName(x.X)
	case *ast.IndexExpr:
		return typeName(x.X)
	case *ast.Ident:
		return x.Name
	}
	return ""
}
