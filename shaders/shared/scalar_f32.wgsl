// The element type of storage buffers. Arithmetic is f32 always: load as f32(x[i]), store as scalar(y).
alias scalar = f32;
alias vec4s = vec4<f32>;
