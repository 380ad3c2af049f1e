// The run-time parameters of the gradients of a convolution by its filter; in Rust: kernels/conv2d_filter_gradient.rs, Params.
// A dispatch sums over the rows of dy from first_row to before end_row, counted over all pictures. The first one makes dw, the
// others add to it.
struct Params {
    in_h: u32,
    in_w: u32,
    in_c: u32,
    out_h: u32,
    out_w: u32,
    out_c: u32,
    kernel_h: u32,
    kernel_w: u32,
    stride_h: u32,
    stride_w: u32,
    pad_top: u32,
    pad_left: u32,
    dilation_h: u32,
    dilation_w: u32,
    groups: u32,
    first_row: u32,
    end_row: u32,
}
