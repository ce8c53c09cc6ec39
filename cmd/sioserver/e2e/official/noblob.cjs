// Before the suites of versions 2 and 3, which take a runtime that knows Blob for a browser.

delete globalThis.Blob;
