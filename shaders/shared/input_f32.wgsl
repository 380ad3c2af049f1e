// The element type of the input, where it is not the output's.
alias input = f32;
