// What tests look at and nobody else.

package deflate

// Held is the number of bytes kept between messages.
func (f *Inflater) Held() int {
	return cap(f.in) + 4*(cap(f.literal)+cap(f.dist)) + len(f.lengths)
}
