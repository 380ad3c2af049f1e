//! The published ImageNet weights: where they are, and their hashes.

/// A published file of weights (Keras 2's legacy `.h5`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeightFile {
    file: &'static str,
    /// Where it is.
    pub url: &'static str,
    /// MD5 in hexadecimal, or SHA-256 where it has 64 digits, if Keras has one.
    pub hash: Option<&'static str>,
}

impl WeightFile {
    /// Its name in Keras's cache, which NASNet's address does not end in.
    pub fn file(&self) -> &'static str {
        self.file
    }
}

/// With the classifier and without: folder, file and hash.
macro_rules! files {
    ($folder:literal, $([$name:literal, $hash:expr]),*) => {
        [$(WeightFile {
            file: concat!($name, ".h5"),
            url: concat!("https://storage.googleapis.com/", $folder, "/", $name, ".h5"),
            hash: $hash,
        }),*]
    };
}

pub(crate) const CONVNEXTBASE: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/convnext",
    ["convnext_base", Some("52cbb006d3dadd03f6e095a8ca1aca47aecdd75acb4bc74bce1f5c695d0086e6")],
    ["convnext_base_notop", Some("40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45")]
);

pub(crate) const CONVNEXTLARGE: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/convnext",
    ["convnext_large", Some("070c5ed9ed289581e477741d3b34beffa920db8cf590899d6d2c67fba2a198a6")],
    ["convnext_large_notop", Some("96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd")]
);

pub(crate) const CONVNEXTSMALL: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/convnext",
    ["convnext_small", Some("ce1277d8f1ee5a0ef0e171469089c18f5233860ceaf9b168049cb9263fd7483c")],
    ["convnext_small_notop", Some("6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab")]
);

pub(crate) const CONVNEXTTINY: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/convnext",
    ["convnext_tiny", Some("8ae6e78ce2933352b1ef4008e6dd2f17bc40771563877d156bc6426c7cf503ff")],
    ["convnext_tiny_notop", Some("d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1")]
);

pub(crate) const CONVNEXTXLARGE: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/convnext",
    ["convnext_xlarge", Some("c1f5ccab661354fc3a79a10fa99af82f0fbf10ec65cb894a3ae0815f17a889ee")],
    ["convnext_xlarge_notop", Some("de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05")]
);

pub(crate) const DENSENET121: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/densenet",
    ["densenet121_weights_tf_dim_ordering_tf_kernels", Some("9d60b8095a5708f2dcce2bca79d332c7")],
    ["densenet121_weights_tf_dim_ordering_tf_kernels_notop", Some("30ee3e1110167f948a6b9946edeeb738")]
);

pub(crate) const DENSENET169: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/densenet",
    ["densenet169_weights_tf_dim_ordering_tf_kernels", Some("d699b8f76981ab1b30698df4c175e90b")],
    ["densenet169_weights_tf_dim_ordering_tf_kernels_notop", Some("b8c4d4c20dd625c148057b9ff1c1176b")]
);

pub(crate) const DENSENET201: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/densenet",
    ["densenet201_weights_tf_dim_ordering_tf_kernels", Some("1ceb130c1ea1b78c3bf6114dbdfd8807")],
    ["densenet201_weights_tf_dim_ordering_tf_kernels_notop", Some("c13680b51ded0fb44dff2d8f86ac8bb1")]
);

pub(crate) const EFFICIENTNETB0: [WeightFile; 2] = files!(
    "keras-applications",
    ["efficientnetb0", Some("902e53a9f72be733fc0bcb005b3ebbac")],
    ["efficientnetb0_notop", Some("50bc09e76180e00e4465e1a485ddc09d")]
);

pub(crate) const EFFICIENTNETB1: [WeightFile; 2] = files!(
    "keras-applications",
    ["efficientnetb1", Some("1d254153d4ab51201f1646940f018540")],
    ["efficientnetb1_notop", Some("74c4e6b3e1f6a1eea24c589628592432")]
);

pub(crate) const EFFICIENTNETB2: [WeightFile; 2] = files!(
    "keras-applications",
    ["efficientnetb2", Some("b15cce36ff4dcbd00b6dd88e7857a6ad")],
    ["efficientnetb2_notop", Some("111f8e2ac8aa800a7a99e3239f7bfb39")]
);

pub(crate) const EFFICIENTNETB3: [WeightFile; 2] = files!(
    "keras-applications",
    ["efficientnetb3", Some("ffd1fdc53d0ce67064dc6a9c7960ede0")],
    ["efficientnetb3_notop", Some("af6d107764bb5b1abb91932881670226")]
);

pub(crate) const EFFICIENTNETB4: [WeightFile; 2] = files!(
    "keras-applications",
    ["efficientnetb4", Some("18c95ad55216b8f92d7e70b3a046e2fc")],
    ["efficientnetb4_notop", Some("ebc24e6d6c33eaebbd558eafbeedf1ba")]
);

pub(crate) const EFFICIENTNETB5: [WeightFile; 2] = files!(
    "keras-applications",
    ["efficientnetb5", Some("ace28f2a6363774853a83a0b21b9421a")],
    ["efficientnetb5_notop", Some("38879255a25d3c92d5e44e04ae6cec6f")]
);

pub(crate) const EFFICIENTNETB6: [WeightFile; 2] = files!(
    "keras-applications",
    ["efficientnetb6", Some("165f6e37dce68623721b423839de8be5")],
    ["efficientnetb6_notop", Some("9ecce42647a20130c1f39a5d4cb75743")]
);

pub(crate) const EFFICIENTNETB7: [WeightFile; 2] = files!(
    "keras-applications",
    ["efficientnetb7", Some("8c03f828fec3ef71311cd463b6759d99")],
    ["efficientnetb7_notop", Some("cbcfe4450ddf6f3ad90b1b398090fe4a")]
);

pub(crate) const EFFICIENTNETV2B0: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/efficientnet_v2",
    ["efficientnetv2-b0", Some("21ecbf6da12460d5c40bb2f29ceb2188")],
    ["efficientnetv2-b0_notop", Some("893217f2bb855e2983157299931e43ff")]
);

pub(crate) const EFFICIENTNETV2B1: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/efficientnet_v2",
    ["efficientnetv2-b1", Some("069f0534ff22adf035c89e2d9547a9dc")],
    ["efficientnetv2-b1_notop", Some("0e80663031ca32d657f9caa404b6ec37")]
);

pub(crate) const EFFICIENTNETV2B2: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/efficientnet_v2",
    ["efficientnetv2-b2", Some("424e49f28180edbde1e94797771950a7")],
    ["efficientnetv2-b2_notop", Some("1dfe2e7a5d45b6632553a8961ea609eb")]
);

pub(crate) const EFFICIENTNETV2B3: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/efficientnet_v2",
    ["efficientnetv2-b3", Some("1f1fc43bd98a6e4fd8fdfd551e02c7a0")],
    ["efficientnetv2-b3_notop", Some("f6abf7b5849ac99a89b50dd3fd532856")]
);

pub(crate) const EFFICIENTNETV2L: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/efficientnet_v2",
    ["efficientnetv2-l", Some("27e6d408b53c7ebc868fefa357689935")],
    ["efficientnetv2-l_notop", Some("b0b66b5c863aef5b46e8608fe1711615")]
);

pub(crate) const EFFICIENTNETV2M: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/efficientnet_v2",
    ["efficientnetv2-m", Some("a3bf6aa3276309f4fc6a34aa114c95cd")],
    ["efficientnetv2-m_notop", Some("1b8dc055df72dde80d614482840fe342")]
);

pub(crate) const EFFICIENTNETV2S: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/efficientnet_v2",
    ["efficientnetv2-s", Some("e1d88a8495beba45748fedd0cecbe016")],
    ["efficientnetv2-s_notop", Some("af0682fb74e8c54910f2d4393339c070")]
);

pub(crate) const INCEPTIONRESNETV2: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/inception_resnet_v2",
    ["inception_resnet_v2_weights_tf_dim_ordering_tf_kernels", Some("e693bd0210a403b3192acc6073ad2e96")],
    ["inception_resnet_v2_weights_tf_dim_ordering_tf_kernels_notop", Some("d19885ff4a710c122648d3b5c3b684e4")]
);

pub(crate) const INCEPTIONV3: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/inception_v3",
    ["inception_v3_weights_tf_dim_ordering_tf_kernels", Some("9a0d58056eeedaa3f26cb7ebd46da564")],
    ["inception_v3_weights_tf_dim_ordering_tf_kernels_notop", Some("bcbd6486424b2319ff4ef7d526e38f63")]
);

pub(crate) const MOBILENET: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/mobilenet",
    ["mobilenet_1_0_224_tf", None],
    ["mobilenet_1_0_224_tf_no_top", None]
);

pub(crate) const MOBILENETV2: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/mobilenet_v2",
    ["mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224", None],
    ["mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top", None]
);

pub(crate) const MOBILENETV3LARGE: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/mobilenet_v3",
    ["weights_mobilenet_v3_large_224_1.0_float", Some("59e551e166be033d707958cf9e29a6a7")],
    ["weights_mobilenet_v3_large_224_1.0_float_no_top_v2", Some("07fb09a5933dd0c8eaafa16978110389")]
);

pub(crate) const MOBILENETV3SMALL: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/mobilenet_v3",
    ["weights_mobilenet_v3_small_224_1.0_float", Some("8768d4c2e7dee89b9d02b2d03d65d862")],
    ["weights_mobilenet_v3_small_224_1.0_float_no_top_v2", Some("d3e8ec802a04aa4fc771ee12a9a9b836")]
);

pub(crate) const NASNETLARGE: [WeightFile; 2] = [
    WeightFile {
        file: "nasnet_large.h5",
        url: "https://storage.googleapis.com/tensorflow/keras-applications/nasnet/NASNet-large.h5",
        hash: Some("11577c9a518f0070763c2b964a382f17"),
    },
    WeightFile {
        file: "nasnet_large_no_top.h5",
        url: "https://storage.googleapis.com/tensorflow/keras-applications/nasnet/NASNet-large-no-top.h5",
        hash: Some("d81d89dc07e6e56530c4e77faddd61b5"),
    },
];

pub(crate) const NASNETMOBILE: [WeightFile; 2] = [
    WeightFile {
        file: "nasnet_mobile.h5",
        url: "https://storage.googleapis.com/tensorflow/keras-applications/nasnet/NASNet-mobile.h5",
        hash: Some("020fb642bf7360b370c678b08e0adf61"),
    },
    WeightFile {
        file: "nasnet_mobile_no_top.h5",
        url: "https://storage.googleapis.com/tensorflow/keras-applications/nasnet/NASNet-mobile-no-top.h5",
        hash: Some("1ed92395b5b598bdda52abe5c0dbfd63"),
    },
];

pub(crate) const RESNET101: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/resnet",
    ["resnet101_weights_tf_dim_ordering_tf_kernels", Some("f1aeb4b969a6efcfb50fad2f0c20cfc5")],
    ["resnet101_weights_tf_dim_ordering_tf_kernels_notop", Some("88cf7a10940856eca736dc7b7e228a21")]
);

pub(crate) const RESNET101V2: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/resnet",
    ["resnet101v2_weights_tf_dim_ordering_tf_kernels", Some("6343647c601c52e1368623803854d971")],
    ["resnet101v2_weights_tf_dim_ordering_tf_kernels_notop", Some("c0ed64b8031c3730f411d2eb4eea35b5")]
);

pub(crate) const RESNET152: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/resnet",
    ["resnet152_weights_tf_dim_ordering_tf_kernels", Some("100835be76be38e30d865e96f2aaae62")],
    ["resnet152_weights_tf_dim_ordering_tf_kernels_notop", Some("ee4c566cf9a93f14d82f913c2dc6dd0c")]
);

pub(crate) const RESNET152V2: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/resnet",
    ["resnet152v2_weights_tf_dim_ordering_tf_kernels", Some("a49b44d1979771252814e80f8ec446f9")],
    ["resnet152v2_weights_tf_dim_ordering_tf_kernels_notop", Some("ed17cf2e0169df9d443503ef94b23b33")]
);

pub(crate) const RESNET50: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/resnet",
    ["resnet50_weights_tf_dim_ordering_tf_kernels", Some("2cb95161c43110f7111970584f804107")],
    ["resnet50_weights_tf_dim_ordering_tf_kernels_notop", Some("4d473c1dd8becc155b73f8504c6f6626")]
);

pub(crate) const RESNET50V2: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/resnet",
    ["resnet50v2_weights_tf_dim_ordering_tf_kernels", Some("3ef43a0b657b3be2300d5770ece849e0")],
    ["resnet50v2_weights_tf_dim_ordering_tf_kernels_notop", Some("fac2f116257151a9d068a22e544a4917")]
);

pub(crate) const VGG16: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/vgg16",
    ["vgg16_weights_tf_dim_ordering_tf_kernels", Some("64373286793e3c8b2b4e3219cbf3544b")],
    ["vgg16_weights_tf_dim_ordering_tf_kernels_notop", Some("6d6bbae143d832006294945121d1f1fc")]
);

pub(crate) const VGG19: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/vgg19",
    ["vgg19_weights_tf_dim_ordering_tf_kernels", Some("cbe5617147190e668d6c5d5026f83318")],
    ["vgg19_weights_tf_dim_ordering_tf_kernels_notop", Some("253f8cb515780f3b799900260a226db6")]
);

pub(crate) const XCEPTION: [WeightFile; 2] = files!(
    "tensorflow/keras-applications/xception",
    ["xception_weights_tf_dim_ordering_tf_kernels", Some("0a58e3b7378bc2990ea3b43d5981f1f6")],
    ["xception_weights_tf_dim_ordering_tf_kernels_notop", Some("b0042744bf5b25fce3cb969f33bebb97")]
);
